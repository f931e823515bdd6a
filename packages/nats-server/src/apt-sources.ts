/** One archive that apt is configured to use, in the terms of its deb822 format. */
export interface AptSource {
  readonly uris: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** The fields that say whom to trust, as they stand: `Signed-By` may be a path or a whole key. */
  readonly trust: readonly string[];
}

/** Reads the classic one-line format: `deb [signed-by=/key.gpg] http://mirror/debian trixie main`. */
export function parseSourcesList(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)([^#]*)/.exec(line);
    const [, options = '', uris, suite, components = ''] = match ?? [];
    if (uris === undefined || suite === undefined) continue;
    const trust = words(options)
      .map((option) => option.split('='))
      .flatMap(([name, value]) => {
        if (value === undefined) return [];
        if (name === 'signed-by') return [`Signed-By: ${value.replaceAll(',', ' ')}`];
        return name === 'trusted' ? [`Trusted: ${value}`] : [];
      });
    sources.push({ uris, suites: [suite], components: words(components), trust });
  }
  return sources;
}

/** Reads the deb822 format of `.sources` files: stanzas of fields, with indented continuation lines. */
export function parseDeb822(text: string): AptSource[] {
  const sources: AptSource[] = [];
  const withoutComments = text.replace(/^#.*\n?/gm, '');
  for (const stanza of withoutComments.split(/\n[ \t]*\n/)) {
    const fields = new Map<string, string>();
    for (const field of stanza.trim().split(/\n(?![ \t])/)) {
      const colon = field.indexOf(':');
      if (colon > 0) fields.set(field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim());
    }
    const get = (name: string): string => fields.get(name) ?? '';
    if (!words(get('types')).includes('deb') || get('enabled').toLowerCase() === 'no') continue;
    if (get('uris') === '') continue;
    const trust: string[] = [];
    if (get('signed-by') !== '') trust.push(`Signed-By: ${get('signed-by')}`);
    if (get('trusted') !== '') trust.push(`Trusted: ${get('trusted')}`);
    sources.push({
      uris: words(get('uris')).join(' '),
      suites: words(get('suites')),
      components: words(get('components')),
      trust,
    });
  }
  return sources;
}

/** Writes an archive in the deb822 format, with other suites than it has in the system. */
export function formatDeb822(source: AptSource, suites: readonly string[]): string {
  return [
    'Types: deb',
    `URIs: ${source.uris}`,
    `Suites: ${suites.join(' ')}`,
    `Components: ${source.components.join(' ')}`,
    ...source.trust,
    '',
  ].join('\n');
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
