// `npm run package:npm -- [linux-x64-gnu ...]` makes what goes to npm in build/npm: ctflow, and for each platform a package with the
// native module, of which npm installs the one that fits. cargo-zigbuild builds them here, for an older glibc than this machine's too.
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isNewer, neededGlibc, neededLibraries } from './elf.mjs';
import { root, run, say, stop } from './terminal.mjs';

/** The oldest glibc that Node 20 and newer run on, too. */
const GLIBC = '2.28';
/** The names by which musl knows itself (ldso/dynlink.c); all other libraries would have to be installed beside it. */
const MUSL = /^lib(c|pthread|rt|m|dl|util|xnet)\./;
const PLATFORMS = {
  'linux-x64-gnu': { target: 'x86_64-unknown-linux-gnu', cpu: 'x64', libc: 'glibc' },
  'linux-arm64-gnu': { target: 'aarch64-unknown-linux-gnu', cpu: 'arm64', libc: 'glibc' },
  'linux-x64-musl': { target: 'x86_64-unknown-linux-musl', cpu: 'x64', libc: 'musl' },
  'linux-arm64-musl': { target: 'aarch64-unknown-linux-musl', cpu: 'arm64', libc: 'musl' },
};

const at = (...path) => join(root, ...path);
const made = (...path) => at('build/npm', ...path);
const manifest = JSON.parse(readFileSync(at('package.json'), 'utf8'));
const { version, description, license, engines, keywords, repository } = manifest;
const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(PLATFORMS);
const unknown = chosen.filter(name => !PLATFORMS[name]);
if (unknown.length > 0) stop(`${unknown.join(', ')}: known are ${Object.keys(PLATFORMS).join(', ')}`);

const { setUp } = await import('./setup.mjs');
await setUp('package');
await import('./man.mjs');
rmSync(made(), { recursive: true, force: true });
for (const name of chosen) await platformPackage(name);
mainPackage();

async function platformPackage(name) {
  const { target, cpu, libc } = PLATFORMS[name];
  const folder = made(`ctflow-${name}`);
  const file = `ctflow.${name}.node`;
  const release = ['cargo', 'zigbuild', '--release', '-p', 'ctflow-napi', '--target-dir', 'target/zig'];
  const versioned = libc === 'glibc' ? `${target}.${GLIBC}` : target;
  if (!(await run(`building for ${name}`, [...release, '--target', versioned])).ok)
    stop(`it wants cargo-zigbuild, zig, and Rust's library for ${target} (rustup target add ${target})`);
  mkdirSync(folder, { recursive: true });
  copyFileSync(at('target/zig', target, 'release/libctflow_napi.so'), join(folder, file));
  say(`${file}: ${wantsOf(join(folder, file), libc)}`);
  cpSync(at('LICENSE'), join(folder, 'LICENSE'));
  pack(folder, {
    name: `ctflow-${name}`,
    version,
    description: `${description}: the native module for ${name}`,
    license,
    keywords,
    repository,
    main: file,
    files: [file],
    engines,
    os: ['linux'],
    cpu: [cpu],
    libc: [libc],
  });
}

/** What a module wants of its system, which has to be no more than the platform has. */
function wantsOf(path, libc) {
  const glibc = neededGlibc(path);
  const libraries = neededLibraries(path);
  const wants = `wants ${[...libraries, ...(glibc === undefined ? [] : [`glibc ${glibc}`])].join(', ')}`;
  const fits =
    libc === 'glibc'
      ? glibc !== undefined && !isNewer(glibc, GLIBC)
      : glibc === undefined && libraries.every(library => MUSL.test(library));
  if (!fits) stop(`${path} ${wants}, and it is for ${libc === 'glibc' ? `glibc ${GLIBC}` : 'musl alone'}`);
  return wants;
}

/** ctflow itself, without a native module. */
function mainPackage() {
  const folder = made('ctflow');
  for (const path of [...manifest.files, 'README.md', 'LICENSE'])
    cpSync(at(path), join(folder, path), { recursive: true, filter: source => !source.endsWith('.node') });
  const {
    scripts: _scripts,
    workspaces: _workspaces,
    devDependencies: _dev,
    overrides: _overrides,
    ...kept
  } = manifest;
  const optionalDependencies = Object.fromEntries(chosen.map(name => [`ctflow-${name}`, version]));
  pack(folder, { ...kept, optionalDependencies });
}

function pack(folder, manifest) {
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  const said = execFileSync('npm', ['pack', '--silent', '--pack-destination', made()], {
    cwd: folder,
    encoding: 'utf8',
  });
  say(`made ${made(said.trim())}`);
}
