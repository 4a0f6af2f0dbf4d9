// The manual as a site: the pages as they are, in the order of docs/README.md.
import { cpSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';

const root = fileURLToPath(new URL('../..', import.meta.url));
const INDEX = 'docs/README.md';
// VitePress takes what ends in something that it does not know for a page
process.env.VITE_EXTRA_EXTENSIONS = 'nft';
/** Files that pages lead to and that are no pages: they are copied. */
const files = new Set();

/** Headings of the index with the pages below each. */
function sidebar() {
  const groups = [];
  for (const block of readFileSync(join(root, INDEX), 'utf8').split(/^## /m).slice(1)) {
    const links = [...block.matchAll(/\[([^\]]+)\]\(([^)]+)\)/g)];
    const items = links.map(([, text, link]) => ({
      text: text.replaceAll(/[`\n]/g, ' ').trim(),
      link: addressOf('docs', link),
    }));
    groups.push({ text: block.split('\n')[0], items, collapsed: groups.length > 4 });
  }
  return groups;
}

/** Where a link of a page in `folder` leads on the site. */
function addressOf(folder, link) {
  if (/^(https?:|#)/.test(link)) return link;
  const [path, anchor] = link.split('#');
  let target = normalize(join(folder, path));
  if (existsSync(join(root, target)) && statSync(join(root, target)).isDirectory()) target = INDEX;
  const suffix = anchor === undefined ? '' : `#${anchor}`;
  if (!target.endsWith('.md')) {
    files.add(target);
    return `/${target}`;
  }
  return `/${target.replace(/README\.md$/, '').replace(/\.md$/, '')}${suffix}`;
}

/** Links between pages become links of the site. */
function sitesLinks(md) {
  md.core.ruler.push('sites-links', ({ tokens, env }) => {
    const page = env.relativePath.replace(/index\.md$/, 'README.md');
    for (const { children } of tokens) {
      for (const token of children ?? []) {
        if (token.type === 'link_open') token.attrSet('href', addressOf(dirname(page), token.attrGet('href')));
      }
    }
  });
}

export default defineConfig({
  title: 'ctflow',
  description: "Exports a Linux host's connections as IPFIX flow records",
  lang: 'en',
  srcDir: '..',
  outDir: '../build/site',
  cacheDir: '../build/site-cache',
  srcExclude: ['!(docs|examples)/**/*.md', '!(README|ARCHITECTURE|CONTRIBUTING|CHANGELOG|SECURITY).md'],
  rewrites: { 'README.md': 'index.md', ':folder(docs|examples)/README.md': ':folder/index.md' },
  cleanUrls: false,
  metaChunk: true,
  // nothing is asked from elsewhere when a page is read
  head: [],
  markdown: { config: sitesLinks, theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' } },
  themeConfig: {
    nav: [
      { text: 'Manual', link: '/docs/' },
      { text: 'Quick start', link: '/docs/quick-start' },
      { text: 'Fields', link: '/docs/fields' },
      { text: 'Troubleshooting', link: '/docs/troubleshooting' },
    ],
    sidebar: sidebar(),
    search: { provider: 'local' },
    outline: [2, 3],
    docFooter: { prev: 'Before', next: 'Next' },
  },
  buildEnd({ outDir }) {
    for (const file of files) {
      if (!existsSync(join(root, file))) continue;
      mkdirSync(join(outDir, dirname(file)), { recursive: true });
      cpSync(join(root, file), join(outDir, file));
    }
  },
});
