/**
 * One sentence for a version of Node that ctflow does not run on; package.json says the same. 21, 22.0 and 22.1 lack
 * zlib.crc32.
 * @returns undefined for a version that it runs on
 */
export function unsupportedNode(version) {
  const [major, minor] = version.split('.').map(Number);
  const fits = major === 20 ? minor >= 17 : major === 22 ? minor >= 2 : major > 22;
  return fits ? undefined : `Node 20.17 or newer is needed, but not 21, 22.0 or 22.1; this is Node ${version}`;
}
