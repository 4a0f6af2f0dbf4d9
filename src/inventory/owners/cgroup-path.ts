/** What a cgroup's path says of whoever is in it; empty for nothing. */
export interface CgroupFacts {
  /** The unit of systemd, as systemd itself reads it: of a user's services that is user@UID.service. */
  readonly unit: string;
  /** 64 hexadecimal digits. */
  readonly container: string;
  readonly podUid: string;
}

/** What systemd puts units into. */
const SLICE = /\.slice$/;
const UNIT = /^.+\.(service|scope|socket|mount|swap)$/;
/** docker-ID.scope, cri-containerd-ID.scope, crio-ID.scope, libpod-ID.scope, or the id alone; conmon only watches one. */
const CONTAINER = /^(?:(?!.*conmon)[a-z-]+-)?([\da-f]{64})(?:\.scope)?$/;
/** kubepods-burstable-podUID.slice, or podUID; of static Pods the UID is 32 hexadecimal digits. */
const POD = /^(?:kubepods(?:-[a-z]+)?-)?pod([\da-f]{8}(?:[-_][\da-f]{4}){3}[-_][\da-f]{12}|[\da-f]{32})(?:\.slice)?$/;

/** @param path from the root of the tree, as /system.slice/cron.service */
export function readCgroupPath(path: string): CgroupFacts {
  const parts = path.split('/').filter(part => part !== '');
  // systemd puts an underscore in front of what it could confuse with names of the kernel
  const names = parts.map(part => (part.startsWith('_') ? part.slice(1) : part));
  const first = names.find(name => !SLICE.test(name)) ?? '';
  const matching = (form: RegExp): string => {
    for (const name of names.toReversed()) {
      const found = form.exec(name);
      if (found) return found[1];
    }
    return '';
  };
  return {
    unit: UNIT.test(first) ? first : '',
    container: matching(CONTAINER),
    podUid: matching(POD).replaceAll('_', '-'),
  };
}
