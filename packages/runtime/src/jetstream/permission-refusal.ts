import { LeatError } from '@leat/core';
import { errors } from '@nats-io/transport-node';

type Violation = InstanceType<typeof errors.PermissionViolationError>;

/**
 * What a user of NATS is not allowed, as a sentence that names the subject.
 *
 * @returns `undefined` if the error is of another kind
 */
export function permissionRefusal(error: unknown, address: string): LeatError | undefined {
  const violation = violationIn(error);
  if (violation === undefined) return undefined;
  return new LeatError(
    'invalid-configuration',
    `On the NATS server at ${address} this user ${whatIsRefused(violation)}.`,
    { cause: error },
  );
}

/** `may not publish to "a.b": see docs/permissions.md for what each role needs`. */
export function whatIsRefused({ operation, subject }: Violation): string {
  const what = operation === 'publish' ? 'publish' : 'subscribe';
  return `may not ${what} to ${JSON.stringify(subject)}: see docs/permissions.md for what each role needs`;
}

/** A request wraps what it failed with. */
function violationIn(error: unknown): Violation | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof errors.PermissionViolationError) return each;
  }
  return undefined;
}
