import { spawnSync } from 'node:child_process';
import { PATH } from '../../test/helpers/kernel/require.js';
import { Companion } from '../host/companion.js';
import type { MeasuredFamily } from '../results/results.js';

/** To the port of the flows, from another address of the loopback device. */
const NAT = `
table inet translation {
  chain sources {
    type nat hook postrouting priority 100
    udp dport 4000 ip daddr 127.1.0.0-127.255.255.255 snat ip to 127.0.0.9
    udp dport 4000 ip6 daddr 2001:db8:1::/64 snat ip6 to 2001:db8:1:0:ffff::9
  }
}
`;

/** Octets of UDP payload. */
const PAYLOAD = 64;

/** The connections of this network namespace, as real UDP flows by number. */
export class KernelTable {
  readonly #family: 4 | 6;
  readonly #flows: Companion<unknown>;
  /** The flows from the first to before the next are in the kernel's table. */
  #first = 0;
  #next = 0;
  /** Whose turn it is to count a packet. */
  #turn = 0;

  private constructor(family: MeasuredFamily, flows: Companion<unknown>) {
    this.#family = family === 'ipv6' ? 6 : 4;
    this.#flows = flows;
  }

  /** As {@link open}, and a NAT translates the source of all flows. */
  static async openTranslated(family: MeasuredFamily): Promise<KernelTable> {
    const { status, stderr, error } = spawnSync('nft', ['-f', '-'], { input: NAT, env: { ...process.env, PATH } });
    if (status !== 0) throw new Error(`nft: ${error?.message ?? stderr.toString()}`);
    return KernelTable.open(family);
  }

  static async open(family: MeasuredFamily): Promise<KernelTable> {
    return new KernelTable(family, await Companion.start('flows'));
  }

  get size(): number {
    return this.#next - this.#first;
  }

  /** Lets so many flows begin. */
  async begin(flows: number): Promise<void> {
    await this.#send(this.#next, flows);
    this.#next += flows;
  }

  /** Lets a share of the flows count a packet: others each time, until all have had their turn. */
  async count(share: number): Promise<void> {
    let flows = Math.ceil(this.size * share);
    while (flows > 0) {
      if (this.#turn < this.#first || this.#turn >= this.#next) this.#turn = this.#first;
      const some = Math.min(flows, this.#next - this.#turn);
      await this.#send(this.#turn, some);
      this.#turn += some;
      flows -= some;
    }
  }

  /** Takes the oldest flows out of the table. */
  async end(flows: number): Promise<void> {
    if (flows === 0) return;
    const order = `delete ${this.#family} ${this.#first} ${flows}`;
    const { missing } = await this.#flows.ask<{ missing: number }>(order);
    if (missing > 0) throw new Error(`${missing} of ${flows} connections were not in the kernel's table`);
    this.#first += flows;
  }

  close(): Promise<void> {
    return this.#flows.close();
  }

  async #send(first: number, flows: number): Promise<void> {
    if (flows > 0) await this.#flows.ask(`send ${this.#family} ${first} ${flows} ${PAYLOAD}`);
  }
}
