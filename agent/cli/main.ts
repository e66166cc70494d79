// Entry point of the innkeeper command.
import { failureReport } from './failures.ts';
import { buildProgram } from './program.ts';

// `innkeeper events | head` ends by a closed pipe, which is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const program = buildProgram();
try {
  await program.parseAsync();
} catch (error) {
  const { text, exitCode } = failureReport(error, program.opts().json === true);
  process.stderr.write(text);
  process.exitCode = exitCode;
}
