/** What a process does for a pipeline. */
export type Role = 'fetcher' | 'mapper' | 'saver';

/** All roles, in the order in which data passes them. */
export const ROLES: readonly Role[] = ['fetcher', 'mapper', 'saver'];

/** The roles of a process as one word, for the labels of its metrics and the name of its service: `mapper-saver`. */
export function roleName(roles: readonly Role[]): string {
  return ROLES.filter((role) => roles.includes(role)).join('-');
}
