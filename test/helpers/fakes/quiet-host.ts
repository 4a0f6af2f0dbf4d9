/**
 * An address of loopback that this process has for itself, where the system has them all. A port that was let go there is not
 * taken by another test meanwhile, and nobody who connects to it in vain is given it as its own and meets itself.
 */
export const QUIET_HOST =
  process.platform === 'linux' ? `127.83.${(process.pid >> 8) & 255}.${process.pid & 255}` : '127.0.0.1';
