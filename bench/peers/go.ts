import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from '../host/machine.js';

const SOURCES = join(ROOT, 'bench/peers');
const BUILT = join(ROOT, 'target/peers');

/** ti-mo/conntrack and vmware/go-ipfix. */
export const GO_PEERS = join(BUILT, 'go');
/** Antrea's store and exporter. */
export const ANTREA_PEER = join(BUILT, 'antrea');

/**
 * Builds a program of Go, where it is not there yet or older than its sources.
 * @param folder of its sources; they stand beside this file where nothing is said
 * @returns why it cannot be had, undefined where it is there
 */
export function buildGo(program: string, folder = join(SOURCES, program.slice(BUILT.length + 1))): string | undefined {
  if (isCurrent(program, folder)) return undefined;
  mkdirSync(dirname(program), { recursive: true });
  // one package at a time: a compiler for each core would slow down what else the machine does
  const args = ['build', '-p', '1', ...moduleFlags(program, folder), '-o', program, '.'];
  const { error, status, stderr } = spawnSync('go', args, {
    cwd: folder,
    encoding: 'utf8',
    // without cgo, which compiles a part of the standard library once more
    env: { ...process.env, CGO_ENABLED: '0', PATH: `${process.env['PATH']}:/usr/local/go/bin` },
  });
  if (error) return 'go is not installed';
  return status === 0 ? undefined : `go build says: ${stderr.trim().split('\n').at(-1)!.trim()}`;
}

function isCurrent(program: string, folder: string): boolean {
  if (!existsSync(program)) return false;
  const built = statSync(program).mtimeMs;
  return readdirSync(folder).every(file => statSync(join(folder, file)).mtimeMs <= built);
}

/** A module without go.sum is resolved when it is built, in a copy, so that the checkout stays as it is. */
function moduleFlags(program: string, folder: string): string[] {
  if (existsSync(join(folder, 'go.sum'))) return ['-mod=readonly'];
  copyFileSync(join(folder, 'go.mod'), `${program}.mod`);
  return ['-mod=mod', `-modfile=${program}.mod`];
}
