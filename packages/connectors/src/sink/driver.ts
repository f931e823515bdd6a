import { LeatError, messageOf } from '@leat/core';
import { errorCode } from './error-code.ts';

/**
 * Loads the driver of a database, which is installed only where it is used.
 *
 * @param name the package's
 * @throws LeatError `sink-unfit` if it is not installed, or cannot be loaded
 */
export async function loadDriver<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const isAbsent = errorCode(error) === 'ERR_MODULE_NOT_FOUND';
    throw new LeatError(
      'sink-unfit',
      isAbsent
        ? `The sink needs the package ${name}, which is not installed: add it to your project (npm install ${name}).`
        : `The sink needs the package ${name}, which cannot be loaded: ${messageOf(error)}`,
      { cause: error },
    );
  }
}
