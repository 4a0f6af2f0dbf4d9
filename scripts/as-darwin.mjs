// Loaded before every program of `npm run test:darwin`: the platform is darwin, and no socket has a descriptor to show.
import os from 'node:os';
import { syncBuiltinESMExports } from 'node:module';

Object.defineProperty(process, 'platform', { value: 'darwin' });
os.platform = () => 'darwin';
os.type = () => 'Darwin';
syncBuiltinESMExports();
Object.defineProperty(process.binding('tcp_wrap').TCP.prototype, 'fd', { value: undefined });
