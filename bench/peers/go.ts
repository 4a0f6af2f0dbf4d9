import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../machine.js';

const BUILT = join(ROOT, 'target/peers');

/** ti-mo/conntrack and vmware/go-ipfix. */
export const GO_PEERS = join(BUILT, 'go');
/** Antrea's store and exporter. */
export const ANTREA_PEER = join(BUILT, 'antrea');

/**
 * Builds a program of Go beside this file, where it is not built yet.
 * @returns why it cannot be had, undefined where it is there
 */
export function buildGo(program: string): string | undefined {
  const folder = join(ROOT, 'bench/peers', program.slice(BUILT.length + 1));
  // one package at a time: a compiler for each core would slow down what else the machine does
  const { error, status, stderr } = spawnSync('go', ['build', '-p', '1', '-mod=readonly', '-o', program, '.'], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, PATH: `${process.env['PATH']}:/usr/local/go/bin` },
  });
  if (error) return 'go is not installed';
  return status === 0 ? undefined : `go build says: ${stderr.trim().split('\n').at(-1)}`;
}
