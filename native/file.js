import { fileURLToPath } from 'node:url';

/** Path of the native module of this platform, built or not. One for glibc does not load where Node runs on musl. */
export function nativeFile() {
  const { platform, arch, report } = process;
  report.excludeNetwork = true; // it would look up names
  const libc = platform !== 'linux' ? '' : report.getReport().header.glibcVersionRuntime ? '-gnu' : '-musl';
  return fileURLToPath(new URL(`ctflow.${platform}-${arch}${libc}.node`, import.meta.url));
}
