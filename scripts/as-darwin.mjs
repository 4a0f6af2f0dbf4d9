// Loaded before every program of `npm run test:darwin`: the platform is darwin, and no socket has a descriptor to show.
import os from 'node:os';
import { syncBuiltinESMExports } from 'node:module';
import { getHeapStatistics } from 'node:v8';

Object.defineProperty(process, 'platform', { value: 'darwin' });
os.platform = () => 'darwin';
os.type = () => 'Darwin';
Object.defineProperty(process.binding('tcp_wrap').TCP.prototype, 'fd', { value: undefined });

// Node itself takes these from /proc on Linux, and has other ways on another system
const rss = () => process.resourceUsage().maxRSS * 1024;
const memoryUsage = () => {
  const { used_heap_size: heapUsed, total_heap_size: heapTotal, external_memory: external } = getHeapStatistics();
  return { rss: rss(), heapTotal, heapUsed, external, arrayBuffers: 0 };
};
process.memoryUsage = Object.assign(memoryUsage, { rss });
os.cpus = () => Array.from({ length: os.availableParallelism() }, () => ({ model: 'hidden', speed: 0, times: {} }));
syncBuiltinESMExports();
