import { cp, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const TEMPLATE = fileURLToPath(new URL('../template', import.meta.url));
/** Files that hold the project's name, or the version of Leat. */
const FILLED_IN = [
  'package.json',
  'README.md',
  'k8s/kustomization.yaml',
  'k8s/namespace.yaml',
  'src/pipeline.ts',
];
/** npm leaves out or renames these in a package, so the template has them under another name. */
const DOT_FILES = ['gitignore', 'dockerignore'];

/** Why no project was written; the message is a whole sentence. */
export class ProjectError extends Error {
  override readonly name: string = 'ProjectError';
}

/** A project that was written. */
export interface NewProject {
  /** The absolute path of its folder. */
  readonly folder: string;
  /** The name of the package and of the pipeline. */
  readonly name: string;
}

/**
 * Writes a new project: one pipeline on a sample file, a test, an image and manifests.
 *
 * @param folder where; it is made if it is not there. What the project does not have may be in it.
 * @throws ProjectError if a file would be written over, if the folder cannot be written to, or if its name
 *   cannot be the project's
 */
export async function newProject(folder: string): Promise<NewProject> {
  const path = resolve(folder);
  const name = nameOf(path);
  try {
    await write(path, name);
  } catch (error) {
    if (error instanceof ProjectError) throw error;
    const { message } = error as Error;
    throw new ProjectError(
      `The project cannot be written into ${path} (${message}): name a folder that you may write to.`,
      { cause: error },
    );
  }
  return { folder: path, name };
}

async function write(path: string, name: string): Promise<void> {
  const present = new Set(await filesIn(path));
  const wanted = (await filesIn(TEMPLATE)).map((file) =>
    DOT_FILES.includes(file) ? `.${file}` : file,
  );
  const taken = wanted.filter((file) => present.has(file)).toSorted();
  if (taken.length > 0) {
    throw new ProjectError(
      `The folder ${path} already has ${taken.join(', ')}: name a new folder, or remove what is there.`,
    );
  }
  await mkdir(path, { recursive: true });
  await cp(TEMPLATE, path, { recursive: true });
  for (const file of DOT_FILES) await rename(join(path, file), join(path, `.${file}`));
  const version = await ownVersion();
  for (const file of FILLED_IN) {
    const text = await readFile(join(path, file), 'utf8');
    const filled = text.replaceAll('{{name}}', name).replaceAll('{{version}}', version);
    await writeFile(join(path, file), filled);
  }
}

/** A name that npm, JetStream subjects and Kubernetes take alike. */
function nameOf(path: string): string {
  const name = basename(path);
  if (/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) && name.length <= 32) return name;
  throw new ProjectError(
    `The name of the folder is the name of the project: expected up to 32 small letters, digits and single hyphens, beginning with a letter, and found ${JSON.stringify(name)}: name another folder, or rename this one.`,
  );
}

async function filesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    if (error.code === 'ENOTDIR') throw new ProjectError(`${folder} is a file: name a folder.`);
    throw error;
  });
}

async function ownVersion(): Promise<string> {
  const manifest = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { readonly version: string }).version;
}
