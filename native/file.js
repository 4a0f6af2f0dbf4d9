import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/**
 * Path of the native module of this platform: that of this checkout, else that of the package `ctflow-linux-x64-gnu` and the
 * like, which npm installs beside ctflow; where there is none, the path that it would have here. One for glibc does not
 * load where Node runs on musl.
 * @throws Error where this file was bundled with others, and native/ is not where it is
 */
export function nativeFile() {
  if (!import.meta.url?.endsWith('/native/file.js')) throw new Error('ctflow was bundled without its folder native/');
  const { platform, arch, report } = process;
  report.excludeNetwork = true; // it would look up names
  const libc = platform !== 'linux' ? '' : report.getReport().header.glibcVersionRuntime ? '-gnu' : '-musl';
  const name = `${platform}-${arch}${libc}`;
  const own = fileURLToPath(new URL(`ctflow.${name}.node`, import.meta.url));
  if (existsSync(own)) return own;
  try {
    return createRequire(import.meta.url).resolve(`ctflow-${name}`);
  } catch {
    return own;
  }
}
