// `innkeeper doctor`: reads the configuration, runs the checks, tells a person or a program, and writes the bundle.
import { readConfig } from '../config/config.ts';
import { writeBundle } from './bundle.ts';
import { type AgentQuestions, type CheckContext, type Finding, fault } from './check.ts';
import { diagnose } from './doctor.ts';
import { hostSenses } from './senses.ts';

export interface DoctorOptions {
  configPath: string;
  /** The agent, by its socket. */
  agent: AgentQuestions;
  /** Where to write a bundle, if anywhere; must not exist. */
  bundle?: string;
}

/** All findings. A configuration that cannot be read is the only one then: nothing else is known without it. */
export async function examine({ configPath, agent, bundle }: DoctorOptions): Promise<Finding[]> {
  let context: CheckContext;
  try {
    context = { config: await readConfig(configPath), agent, senses: hostSenses };
  } catch (error) {
    const means = 'The agent does not start with it.';
    const finding = fault('configuration-invalid', (error as Error).message, means, `Correct ${configPath}.`);
    return [{ check: 'configuration', ...finding }];
  }
  const findings = await diagnose(context);
  if (bundle) await writeBundle(bundle, context, findings);
  return findings;
}

const MARK = { ok: 'ok     ', warning: 'WARNING', fault: 'FAULT  ' } as const;

/** For a person: a line for what is well, three for what is not. */
export function told(findings: readonly Finding[]): string {
  const lines = findings.map(({ level, check, code, found, means, do: what }) =>
    level === 'ok'
      ? `${MARK[level]} ${check}: ${found}\n`
      : `${MARK[level]} ${check}: ${found} [${code}]\n        means: ${means}\n        do:    ${what}\n`,
  );
  const count = (level: Finding['level']) => findings.filter((finding) => finding.level === level).length;
  return `${lines.join('')}\n${count('fault')} faults, ${count('warning')} warnings\n`;
}
