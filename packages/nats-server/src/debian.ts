import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AptSource, formatDeb822, parseDeb822, parseSourcesList } from './apt-sources.ts';
import { BINARY_NAME, readVersion } from './binary.ts';
import { NatsServerError, reasonOf } from './error.ts';
import { runCommand } from './run-command.ts';
import type { RungRequest } from './rung.ts';
import { compareVersions, isNewEnough, normalizeVersion } from './version.ts';

/**
 * Unpacks the distribution's package of a newer suite, without root and without touching the system:
 * apt works with lists, sources and caches of its own, and nothing is installed. The mirror is the one
 * that the system's own sources name, and so are the keys that must have signed it.
 */
export async function unpackFromDebian(request: RungRequest): Promise<string> {
  const { staging, signal, log } = request;
  const sources = await newerSuites('/etc/apt', '/etc/os-release');
  const config = await writeAptConfig(staging, sources);
  const options = { cwd: staging, env: { ...request.env, LC_ALL: 'C' }, signal };

  log('asking apt for nats-server packages of newer suites');
  let updateProblem = '';
  try {
    await runCommand('apt-get', ['-c', config, 'update'], { ...options, timeoutMs: 120_000 });
  } catch (error) {
    signal?.throwIfAborted();
    // One suite may fail while another has what we need.
    updateProblem = ` (${reasonOf(error)})`;
  }
  const table = await runCommand('apt-cache', ['-c', config, 'madison', 'nats-server'], {
    ...options,
    timeoutMs: 60_000,
  });
  const fits = packageVersions(table).filter(({ version }) =>
    request.exact ? version === request.version : isNewEnough(version),
  );
  const problems: string[] = [];
  for (const { full, version } of fits) {
    try {
      const root = join(staging, `root-${version}`);
      const download = ['-c', config, 'download', `nats-server=${full}`];
      await runCommand('apt-get', download, { ...options, timeoutMs: 120_000 });
      const file = await downloadedPackage(staging, full);
      await runCommand('dpkg-deb', ['-x', file, root], { ...options, timeoutMs: 60_000 });
      const path = await programIn(root);
      // A package of a newer suite may need a newer C library than there is here: try an older one then.
      await readVersion(path, signal);
      return path;
    } catch (error) {
      signal?.throwIfAborted();
      problems.push(reasonOf(error));
    }
  }
  if (problems.length > 0) throw new NatsServerError(problems.join('; '));
  const wanted = request.exact ? `version ${request.version}` : 'a version that is new enough';
  throw new NatsServerError(`apt has no nats-server package of ${wanted}${updateProblem}`);
}

/** The versions in the table of `apt-cache madison`, newest first, with and without Debian's revision. */
export function packageVersions(table: string): { full: string; version: string }[] {
  const found = new Map<string, { full: string; version: string }>();
  for (const line of table.split('\n')) {
    const full = line.split('|')[1]?.trim();
    const version = normalizeVersion(full?.replace(/^\d+:/, '').replace(/[-+~].*$/, '') ?? '');
    if (full !== undefined && version !== undefined) found.set(full, { full, version });
  }
  return [...found.values()].toSorted((a, b) => compareVersions(b.version, a.version));
}

/** The system's archives, widened to the suites of theirs that may have a newer package. */
async function newerSuites(aptDirectory: string, osRelease: string): Promise<string> {
  const release = await readFile(osRelease, 'utf8').catch(() => '');
  const field = (name: string): string =>
    new RegExp(`^${name}="?([^"\\n]*)`, 'm').exec(release)?.[1] ?? '';
  const codename = field('VERSION_CODENAME');
  const family = `${field('ID')} ${field('ID_LIKE')}`.split(' ');
  const own = new Set(['stable', 'testing', 'unstable', 'sid', codename]);
  // The aliases last longer than code names would.
  const newer = family.includes('ubuntu') ? ['devel'] : ['stable', 'unstable'];
  const archives = (await systemSources(aptDirectory)).filter(
    ({ suites, components }) =>
      components.includes('main') && suites.some((suite) => own.has(suite)),
  );
  if (archives.length === 0) throw new NatsServerError('this system has no apt sources to ask');
  return archives
    .map((source) => {
      const current = source.suites.filter((suite) => suite === codename);
      // Debian's own code name is left out: it is `stable`, or older than what is wanted.
      const suites = family.includes('ubuntu') ? [...new Set([...current, ...newer])] : newer;
      return formatDeb822(source, suites);
    })
    .join('\n');
}

async function systemSources(directory: string): Promise<AptSource[]> {
  const parts = join(directory, 'sources.list.d');
  const names = await readdir(parts).catch(() => []);
  const files = [join(directory, 'sources.list'), ...names.map((name) => join(parts, name))];
  const sources = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(file, 'utf8').catch(() => '');
      if (file.endsWith('.sources')) return parseDeb822(text);
      return file.endsWith('.list') ? parseSourcesList(text) : [];
    }),
  );
  return sources.flat();
}

/**
 * Writes apt's private configuration. It comes on top of the system's (`-c`), so that proxies and
 * certificates stay in force, but the system's hooks, pins, lists and caches do not.
 */
async function writeAptConfig(staging: string, sources: string): Promise<string> {
  const directories = ['lists/partial', 'archives/partial', 'sources', 'state', 'log', 'empty'];
  await Promise.all(directories.map((name) => mkdir(join(staging, name), { recursive: true })));
  await writeFile(join(staging, 'sources', 'leat.sources'), sources);
  await writeFile(join(staging, 'status'), '');
  const path = join(staging, 'apt.conf');
  const quoted = (name: string): string => `"${join(staging, name)}"`;
  await writeFile(
    path,
    [
      '#clear APT::Update::Pre-Invoke;',
      '#clear APT::Update::Post-Invoke;',
      '#clear APT::Update::Post-Invoke-Success;',
      `Dir::State ${quoted('state')};`,
      `Dir::State::lists ${quoted('lists')};`,
      `Dir::State::status ${quoted('status')};`,
      `Dir::Cache ${quoted('.')};`,
      `Dir::Cache::archives ${quoted('archives')};`,
      // Container images often turn these off, which makes each of our commands read all lists again.
      'Dir::Cache::pkgcache "pkgcache.bin";',
      'Dir::Cache::srcpkgcache "srcpkgcache.bin";',
      `Dir::Log ${quoted('log')};`,
      'Dir::Etc::sourcelist "/dev/null";',
      `Dir::Etc::sourceparts ${quoted('sources')};`,
      'Dir::Etc::preferences "/dev/null";',
      `Dir::Etc::preferencesparts ${quoted('empty')};`,
      // As root, apt would hand the download to a user who cannot enter our folder.
      'APT::Sandbox::User "root";',
      'Acquire::Languages "none";',
      'Acquire::http::Timeout "8";',
      'Acquire::https::Timeout "8";',
      'Acquire::Retries "0";',
      '',
    ].join('\n'),
  );
  return path;
}

/** Debian has it in `/usr/sbin`; a package of another distribution may differ. */
async function programIn(root: string): Promise<string> {
  for (const folder of ['usr/sbin', 'usr/bin']) {
    const path = join(root, folder, BINARY_NAME);
    if ((await stat(path).catch(() => undefined)) !== undefined) return path;
  }
  throw new NatsServerError('the package has no nats-server in it');
}

async function downloadedPackage(directory: string, full: string): Promise<string> {
  const names = await readdir(directory);
  // apt escapes the colon of an epoch in file names.
  const prefix = `nats-server_${full.replace(':', '%3a')}_`;
  const name = names.find((candidate) => candidate.startsWith(prefix));
  if (name === undefined) throw new NatsServerError(`apt did not leave a package ${prefix}*.deb`);
  return join(directory, name);
}
