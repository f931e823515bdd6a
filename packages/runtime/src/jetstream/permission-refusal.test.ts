import { JetStreamApiError } from '@nats-io/jetstream';
import { errors } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { permissionRefusal } from './permission-refusal.ts';
import { jetStreamRefusal } from './refusal.ts';

const violation = new errors.PermissionViolationError('no', 'publish', 'a.b');

test.each([violation, new errors.RequestError('no', { cause: violation })])(
  'a violation names the subject, also where a request wraps it',
  (error) => {
    const refusal = {
      code: 'invalid-configuration',
      message:
        'On the NATS server at nats://n this user may not publish to "a.b": see docs/permissions.md for what each role needs.',
    };
    expect(permissionRefusal(error, 'nats://n')).toMatchObject(refusal);
    expect(jetStreamRefusal(error, 'nats://n')).toMatchObject(refusal);
  },
);

test('a subscription that is refused is said to be one', () => {
  const error = new errors.PermissionViolationError('no', 'subscription', '_INBOX.x');
  expect(permissionRefusal(error, 'nats://n')?.message).toContain(
    'may not subscribe to "_INBOX.x"',
  );
});

test('other errors are none of it', () => {
  expect(permissionRefusal(new Error('Permissions Violation'), 'nats://n')).toBeUndefined();
  const silent = new errors.RequestError('no', { cause: new errors.NoRespondersError('a.b') });
  expect(jetStreamRefusal(silent, 'nats://n')).toMatchObject({
    code: 'unfit-server',
    message: expect.stringContaining('does not let this account use JetStream'),
  });
});

test.each([10008, 10009])('a cluster without a leader is waited for: %d', (err_code) => {
  const error = new JetStreamApiError({ code: 503, err_code, description: 'not now' });
  expect(jetStreamRefusal(error, 'nats://n')).toMatchObject({
    code: 'unreachable',
    message: expect.stringContaining('its JetStream has no leader (not now)'),
  });
});
