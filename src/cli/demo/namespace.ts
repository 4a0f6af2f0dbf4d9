import { CtflowError } from '../../common/errors.js';
import { findTool, runTool } from './tool.js';

/** What a namespace is made and furnished with. */
const NEEDED_TOOLS = ['unshare', 'perl'];

/**
 * Two steps: made in one, /proc/net/nf_conntrack would belong to a user whom the new user namespace does not know, and
 * nobody in it could read it.
 */
const AS_ORDINARY_USER = ['unshare', '-Ur', 'unshare', '-n'];
const AS_ROOT = ['unshare', '-n'];

/**
 * The command in front of a program that runs it in a private network namespace, proven by making one.
 * @throws CtflowError CTFLOW_NAMESPACE saying in one sentence why there can be none
 */
export async function namespaceCommand(): Promise<readonly string[]> {
  if (process.platform !== 'linux') {
    throw refused(`Private network namespaces need Linux, and this is ${process.platform}`, 'Run it on Linux');
  }
  const missing = NEEDED_TOOLS.filter(name => !findTool(name));
  if (missing.length > 0) {
    const hint = 'Install util-linux and perl';
    throw refused(`A private network namespace needs ${missing.join(' and ')}, not installed here`, hint);
  }
  // root in a container may lack CAP_SYS_ADMIN and still be allowed a user namespace
  const ways = process.getuid?.() === 0 ? [AS_ROOT, AS_ORDINARY_USER] : [AS_ORDINARY_USER];
  let reason: unknown;
  for (const way of ways) {
    try {
      await runTool([...way, 'true']);
      return way;
    } catch (error) {
      reason ??= error;
    }
  }
  const said = reason instanceof Error ? reason.message.split('\n')[0] : String(reason);
  throw refused(
    `This user may not make a private network namespace (${said})`,
    'Run it as root, or allow user namespaces (sysctl user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns)',
    reason,
  );
}

function refused(message: string, hint: string, cause?: unknown): CtflowError {
  return new CtflowError('CTFLOW_NAMESPACE', message, hint, cause);
}
