import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { eventually } from '../eventually.js';
import { PYTHON } from './require.js';

/** A Unix datagram that has arrived. */
export interface Datagram {
  readonly address: string;
  /** Of the sender. */
  readonly pid: number;
  /** It came as a file descriptor. */
  readonly file: boolean;
  readonly bytes: Buffer;
}

/** Node has no Unix datagram sockets. Prints each datagram as a line of JSON; ends with its standard input. */
export const RECEIVER = `
import array, json, os, select, socket, struct, sys
sockets = {}
for address in sys.argv[1:]:
    one = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    one.bind('\\0' + address[1:] if address[0] == '@' else address)
    os.path.exists(address) and os.chmod(address, 0o777)
    sockets[one] = address
print('ready', flush=True)
while True:
    for one in select.select([sys.stdin, *sockets], [], [])[0]:
        if one == sys.stdin: sys.exit()
        data, extras, _, _ = one.recvmsg(1 << 20, 1024)
        pid, held = 0, False
        for _, kind, value in extras:
            if kind == socket.SCM_CREDENTIALS: pid = struct.unpack('iII', value)[0]
            if kind == socket.SCM_RIGHTS:
                with os.fdopen(array.array('i', value)[0], 'rb') as opened:
                    # systemd-notify waits until the end of a pipe is closed that comes with BARRIER=1
                    if opened.seekable():
                        held = True
                        opened.seek(0)
                        data = opened.read()
        print(json.dumps({'address': sockets[one], 'pid': pid, 'file': held, 'hex': data.hex()}), flush=True)
`;

/** Receives at addresses: paths, or abstract names behind an @. */
export class DatagramReceiver {
  readonly received: Datagram[] = [];
  readonly #child;
  #ready = false;

  private constructor(addresses: readonly string[]) {
    this.#child = spawn(PYTHON, ['-c', RECEIVER, ...addresses], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.#child.stdout }).on('line', line => this.take(line));
  }

  static async open(
    t: { teardown(done: () => Promise<unknown>): void },
    ...addresses: readonly string[]
  ): Promise<DatagramReceiver> {
    const receiver = new DatagramReceiver(addresses);
    const closed = once(receiver.#child, 'close');
    t.teardown(() => {
      receiver.#child.stdin.end();
      return closed;
    });
    await Promise.race([eventually('the receiver is ready', () => receiver.#ready), closed]);
    return receiver;
  }

  private take(line: string): void {
    if (line === 'ready') this.#ready = true;
    else this.received.push(datagramOf(line));
  }

  /** Texts that have arrived at an address. */
  texts(address: string): string[] {
    return this.received.filter(one => one.address === address).map(({ bytes }) => bytes.toString());
  }
}

/** A line of the receiver. */
export function datagramOf(line: string): Datagram {
  const { hex, ...rest } = JSON.parse(line) as Omit<Datagram, 'bytes'> & { hex: string };
  return { ...rest, bytes: Buffer.from(hex, 'hex') };
}

/** The fields of an entry in journald's own protocol. */
export function journalFields(entry: Uint8Array): Record<string, string> {
  const bytes = Buffer.from(entry);
  const fields: Record<string, string> = {};
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf('\n', at);
    const [name, value] = bytes.toString('utf8', at, end).split(/=(.*)/s);
    at = end + 1;
    if (value !== undefined) {
      fields[name] = value;
      continue;
    }
    const length = Number(bytes.readBigUInt64LE(at));
    fields[name] = bytes.toString('utf8', at + 8, at + 8 + length);
    at += 8 + length + 1;
  }
  return fields;
}
