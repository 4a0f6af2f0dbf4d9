/**
 * Run in the router: a TCP collector at 127.0.0.2 that reads so many octets a second and forgets them; once its standard input has ended,
 * as fast as they come. Its arguments: the port, the octets.
 */
import { createServer, type Socket } from 'node:net';

const TURN_MS = 50;
const [port, rate] = process.argv.slice(2).map(Number);
const sockets = new Set<Socket>();
let slow = true;

createServer({ pauseOnConnect: true }, socket => {
  sockets.add(socket);
  socket.on('close', () => sockets.delete(socket)).on('error', () => {});
  if (!slow) socket.resume();
}).listen(port, '127.0.0.2', () => console.log('ready'));

const turns = setInterval(() => {
  for (const socket of sockets) socket.read(Math.ceil((rate * TURN_MS) / 1000));
}, TURN_MS);

process.stdin.resume().on('end', () => {
  slow = false;
  clearInterval(turns);
  for (const socket of sockets) socket.resume();
});
