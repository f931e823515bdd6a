import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './command.ts';

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/**
 * Makes a certificate authority in a directory, `ca.pem`, and certificates of it: `<name>.pem` and `<name>.key`.
 *
 * @param subjects what each is for, such as `DNS:localhost,IP:127.0.0.1`
 */
export async function makeCertificates(
  dir: string,
  subjects: Readonly<Record<string, string>>,
): Promise<void> {
  const openssl = (...args: readonly string[]): Promise<string> =>
    run('openssl', args, { cwd: dir });
  const days = ['-days', '2'];
  const ca = ['-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=test-ca'];
  await openssl('req', '-x509', ...EC, ...ca, ...days);
  for (const [name, subject] of Object.entries(subjects)) {
    const asked = `${name}.csr`;
    const extensions = `${name}.ext`;
    await writeFile(join(dir, extensions), `subjectAltName=${subject}`);
    const request = ['-keyout', `${name}.key`, '-out', asked, '-subj', `/CN=${name}`];
    await openssl('req', ...EC, ...request);
    const signer = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', ...days];
    const files = ['-in', asked, '-out', `${name}.pem`, '-extfile', extensions];
    await openssl('x509', '-req', ...signer, ...files);
  }
}
