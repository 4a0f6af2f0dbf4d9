import type { PrivateNamespace } from '../kernel/namespace.js';

/** Sends messages to a UDP port of a namespace, one after another. */
export async function deliver(namespace: PrivateNamespace, messages: readonly Buffer[], port: number): Promise<void> {
  const program = `const socket = require('node:dgram').createSocket('udp4');
    const messages = process.argv[2].split(',').map(text => Buffer.from(text, 'base64'));
    const next = () => messages.length ? socket.send(messages.shift(), ${port}, '127.0.0.1', next) : socket.close();
    next();`;
  const packed = messages.map(one => one.toString('base64')).join(',');
  await namespace.run(process.execPath, ['-e', program, '-', packed]);
}
