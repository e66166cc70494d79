// The OpenAPI rules of Spectral, loaded by name so that everything else can be checked without it.

export interface Finding {
  code: string;
  path: string;
  message: string;
}

/** What Spectral's rules for OpenAPI say against a document; empty is good. */
export async function openApiFindings(document: object): Promise<Finding[]> {
  const load = async (name: string) => {
    const loaded = await import(name);
    return loaded.default ?? loaded;
  };
  const [{ Spectral }, { oas }] = await Promise.all(
    ['@stoplight/spectral-core', '@stoplight/spectral-rulesets'].map(load),
  );
  const spectral = new Spectral();
  spectral.setRuleset({ extends: [[oas, 'recommended']] });
  const results: { code: string | number; path: (string | number)[]; message: string }[] =
    await spectral.run(document);
  return results.map(({ code, path, message }) => ({ code: String(code), path: path.join('.'), message }));
}
