// A rule for oxlint: data walks one way, so a file imports only from its own folder and from folders above it in this list.
import { relative, resolve, dirname, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCES = fileURLToPath(new URL('../../src', import.meta.url));
/** The folders of src/ in the order of the data path; ROOT is exporter.ts. index.ts is the package's face and may name all. */
const ROOT = 'exporter.ts';
const ORDER = [
  'common',
  'row',
  'netlink',
  'ipfix',
  'encoder',
  'transport',
  'sources',
  'store',
  'schedule',
  'record',
  'backend',
  'ingest',
  'inventory',
  'filter',
  'denied',
  'state',
  'destination',
  ROOT,
  'collector',
  'config',
  'daemon',
  'cli',
  'index.ts',
];

const rule = {
  create(context) {
    const from = folderOf(context.filename);
    if (from === undefined) return {};
    const check = node => {
      const name = node.source?.value;
      if (typeof name !== 'string' || !name.startsWith('.')) return;
      const to = folderOf(resolve(dirname(context.filename), name.replace(/\.js$/, '.ts')));
      if (to === undefined || to === from) return;
      for (const folder of [from, to]) {
        if (!ORDER.includes(folder)) {
          context.report({ node, message: `src/${folder} has no place in the order of folders` });
          return;
        }
      }
      if (ORDER.indexOf(to) > ORDER.indexOf(from)) {
        context.report({ node, message: `src/${from} must not import from src/${to}, which comes after it` });
      }
    };
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
    };
  },
};

/** The folder, or the file of the root, that a path is in; undefined outside of src/. */
function folderOf(path) {
  const inside = relative(SOURCES, path);
  return inside.startsWith('..') ? undefined : inside.split(sep)[0];
}

export default { meta: { name: 'ctflow' }, rules: { 'folder-order': rule } };
