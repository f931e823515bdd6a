import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** First bytes of nkeys, which make the letter that they begin with. */
const PREFIX = { operator: 14 << 3, account: 0, user: 20 << 3 } as const;
const SEED_PREFIX = 18 << 3;

/** An nkey: an Ed25519 key in the spelling of NATS. */
export interface NatsKey {
  readonly publicKey: string;
  readonly seed: string;
  /** A JSON web token signed by this key. */
  readonly sign: (claims: object) => string;
}

export function newKey(kind: keyof typeof PREFIX): NatsKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  const jwk = privateKey.export({ format: 'jwk' });
  const secret = Buffer.from(jwk.d ?? '', 'base64url');
  const prefix = PREFIX[kind];
  const name = encode(Buffer.concat([Buffer.from([prefix]), raw]));
  // The prefix of a seed holds that of its key as well, five bits each.
  const seedPrefix = Buffer.from([SEED_PREFIX | (prefix >> 5), (prefix & 31) << 3]);
  const key = createPrivateKey({ key: jwk, format: 'jwk' });
  return {
    publicKey: name,
    seed: encode(Buffer.concat([seedPrefix, secret])),
    sign: (claims) => {
      const iat = Math.floor(Date.now() / 1000);
      const text = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part({ iss: name, iat, jti: `${iat}`, ...claims })}`;
      return `${text}.${sign(null, Buffer.from(text), key).toString('base64url')}`;
    },
  };
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** Base32 with a CRC-16 at the end. */
function encode(bytes: Buffer): string {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  let text = '';
  let held = 0;
  let bits = 0;
  for (const byte of [...bytes, crc & 255, crc >> 8]) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(held >> (bits - 5)) & 31];
    held &= (1 << bits) - 1;
  }
  return bits > 0 ? text + (ALPHABET[(held << (5 - bits)) & 31] ?? '') : text;
}
