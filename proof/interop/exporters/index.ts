import { nfprobe, softflowd, ulogd } from './debian.js';
import { goIpfixExporter } from './go.js';
import type { Exporter } from './exporter.js';

export const EXPORTERS: readonly Exporter[] = [softflowd, nfprobe, ulogd, goIpfixExporter];
