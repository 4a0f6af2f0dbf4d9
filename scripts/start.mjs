// `npm start`: sets up, then shows the demonstration. `npm start -- --help` says what that will do here, and does nothing.
import { missingPackages, withoutNative } from './machine.mjs';
import { setUp } from './setup.mjs';

const args = process.argv.slice(2);
if (args.some(arg => arg === '--help' || arg === '-h')) {
  const packages = missingPackages('package').join(' ') || 'none is missing';
  const rust = withoutNative();
  process.stdout.write(`Usage: npm start [-- <options of the demonstration>]

Shows ctflow at work on this machine's kernel. In this order, and nothing twice:

  1. installs system packages with apt-get, as root or where sudo asks for no password (here: ${packages});
     CTFLOW_SETUP=no prevents it, and it goes on without
  2. installs npm packages to node_modules/
  3. builds the native module with cargo to native/ (here: ${rust ? `not built, ${rust}; the fallback is used` : 'yes'})
  4. compiles TypeScript to dist/
  5. makes a private network namespace with a few hosts, TCP, UDP, ICMP, IPv4, IPv6 and NAT, exports and collects its
     connections, shows them, and compares the exported octets and packets with the kernel's own count; nothing of it
     remains, and nothing leaves the machine

Options of the demonstration:
  --duration <time>  how long, 3s to 1h (15s)
  --json             print nothing but the report, as one JSON object
  --backend <name>   auto, native or fallback

Examples:
  $ npm start
  $ npm start -- --duration 1m
  $ CTFLOW_BACKEND=fallback npm start
`);
} else {
  await setUp('package');
  process.argv.splice(2, 0, 'demo');
  await import('../bin/ctflow.js');
}
