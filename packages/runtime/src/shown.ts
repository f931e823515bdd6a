/** The form of a key or a certificate: an nkey seed, a JWT, PEM, or a text with line breaks. */
const KEY = /\bS[A-Z2-7]{30,}|\beyJ[\w-]{10,}|-----|[\r\n]/;

/** An address in which nothing can be a password: a scheme, a host of letters, digits, `.`, `-` and `_`, and a port. */
const HARMLESS = /^[a-z][a-z\d+.-]*:\/\/(?:\[[\da-f:.]+\]|[\p{L}\p{N}._-]+)(?::\d{1,5})?\/?$/iu;

/** What stands for a text that is not shown. */
const WITHHELD = 'something that is not shown, since it may hold a secret';

/**
 * An address as a message may show it: in quotes, or not at all if anything in it may be a user or a password. Of one
 * that is not written as it should be, nobody can say what is the password.
 */
export function shownAddress(address: string): string {
  return HARMLESS.test(address) ? JSON.stringify(address) : WITHHELD;
}

/** A setting as a message may show it: in quotes, or not at all if it looks like a key, or has an `@`. */
export function shownSetting(text: string): string {
  return isKey(text) || text.includes('@') ? WITHHELD : JSON.stringify(text);
}

/** Whether a text that should be the path of a file looks like what the file should hold. */
export function isKey(text: string): boolean {
  return KEY.test(text);
}
