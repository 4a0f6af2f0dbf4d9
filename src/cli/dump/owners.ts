import { ContainerNames } from '../../inventory/owners/container-names.js';
import { readCgroupPath } from '../../inventory/owners/cgroup-path.js';
import { refusal } from '../../inventory/owners/host-owners.js';
import { UserNames } from '../../inventory/owners/user-names.js';
import type { Batch } from '../../row/batch.js';
import * as row from '../../row/layout.generated.js';
import { IPPROTO_TCP, IPPROTO_UDP } from '../../row/protocol.js';
import type { SocketOwner, SocketOwners, Source } from '../../sources/source.js';

/** Who has a socket, for people and JSON; what is not known is absent. */
export interface OwnerView {
  /** Its name, or its number. */
  readonly user: string;
  readonly uid: number;
  readonly socketCgroup?: string;
  readonly systemdUnit?: string;
  readonly containerId?: string;
  readonly containerName?: string;
  readonly podUid?: string;
  readonly command?: string;
}

/** Of the ends of a connection that are on this host, as far as they are known. */
export interface OwnerViews {
  readonly sourceOwner?: OwnerView;
  readonly destinationOwner?: OwnerView;
}

const SIDES = 2;

/** Whose sockets the connections of a dump have. */
export class DumpOwners {
  readonly #sockets: SocketOwners;
  readonly #users = new UserNames();
  readonly #containers = new ContainerNames();

  /** @throws CtflowError CTFLOW_BACKEND_LACKS, CTFLOW_USAGE where the source has no sockets */
  constructor(source: Source) {
    const sockets = source.owners?.();
    if (!sockets) throw refusal(source.kind);
    this.#sockets = sockets;
    this.#users.refresh();
  }

  /** @returns by the number of the row in the batch @throws CtflowError CTFLOW_NETLINK */
  async of(batch: Pick<Batch, 'bytes' | 'u32' | 'count'>): Promise<ReadonlyMap<number, OwnerViews>> {
    const slots = Uint32Array.from(Array.from({ length: batch.count }, (_, i) => i).filter(i => isAsked(batch, i)));
    const { found, owners } = await this.#sockets.look(batch.bytes, slots);
    const views = await Promise.all(owners.map(owner => this.#view(owner)));
    const all = new Map<number, OwnerViews>();
    for (const [i, slot] of slots.entries()) {
      const [source, destination] = [0, 1].map(side => views[found[i * SIDES + side] - 1] as OwnerView | undefined);
      if (source ?? destination)
        all.set(slot, {
          ...(source && { sourceOwner: source }),
          ...(destination && { destinationOwner: destination }),
        });
    }
    return all;
  }

  async #view({ user, cgroup, command }: SocketOwner): Promise<OwnerView> {
    const { unit, container, podUid } = readCgroupPath(cgroup);
    const containerName = container === '' ? '' : await this.#containers.name(container);
    return {
      user: container === '' && podUid === '' ? this.#users.of(user) : String(user),
      uid: user,
      ...(cgroup !== '' && { socketCgroup: cgroup }),
      ...(unit !== '' && { systemdUnit: unit }),
      ...(container !== '' && { containerId: container }),
      ...(containerName !== '' && { containerName }),
      ...(podUid !== '' && { podUid }),
      ...(command !== '' && { command }),
    };
  }
}

/** TCP or UDP, in no zone. */
function isAsked({ bytes, u32 }: Pick<Batch, 'bytes' | 'u32'>, index: number): boolean {
  const protocol = bytes[index * row.ROW_SIZE + row.PROTOCOL];
  if (protocol !== IPPROTO_TCP && protocol !== IPPROTO_UDP) return false;
  return u32[index * row.ROW_WORDS + (row.ORIG_ZONE >> 2)] === 0;
}
