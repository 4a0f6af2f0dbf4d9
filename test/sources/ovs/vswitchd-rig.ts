import { writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Scope } from '../../helpers/kernel/scope.js';
import { temporaryFolder } from '../../helpers/temporary.js';

export interface Request {
  readonly method: string;
  readonly params: readonly string[];
}

/**
 * A control socket as ovs-vswitchd has it, in a folder of its own, to which OVS_RUNDIR points.
 * @param answer to each request; it writes what it likes
 */
export async function standInVswitchd(
  scope: Scope,
  answer: (request: Request, socket: Socket) => void,
): Promise<{ folder: string; requests: Request[] }> {
  const folder = temporaryFolder(scope);
  const requests: Request[] = [];
  const server = createServer(socket => {
    socket.on('error', () => {});
    socket.once('data', bytes => {
      const request = JSON.parse(String(bytes)) as Request;
      requests.push(request);
      answer(request, socket);
    });
  });
  server.listen(join(folder, 'ovs-vswitchd.77.ctl'));
  await once(server, 'listening');
  scope.teardown(() => void server.close());
  writeFileSync(join(folder, 'ovs-vswitchd.pid'), '77\n');
  process.env['OVS_RUNDIR'] = folder;
  scope.teardown(() => void delete process.env['OVS_RUNDIR']);
  return { folder, requests };
}

export const result = (text: string): string => JSON.stringify({ id: 0, result: text, error: null });
