import { fileURLToPath } from 'node:url';

/**
 * Path of the native module of this platform, built or not. One for glibc does not load where Node runs on musl.
 * @throws Error where this file was bundled with others, and native/ is not where it is
 */
export function nativeFile() {
  if (!import.meta.url?.endsWith('/native/file.js')) throw new Error('ctflow was bundled without its folder native/');
  const { platform, arch, report } = process;
  report.excludeNetwork = true; // it would look up names
  const libc = platform !== 'linux' ? '' : report.getReport().header.glibcVersionRuntime ? '-gnu' : '-musl';
  return fileURLToPath(new URL(`ctflow.${platform}-${arch}${libc}.node`, import.meta.url));
}
