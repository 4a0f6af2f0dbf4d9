import { VERSION } from '../../common/version.js';
import { DEFAULT_FILE } from '../../config/config-file.js';
import { ownSettings, runSettings } from '../../config/run-settings.js';
import { flagName, GROUPS, inOrder, shown, variableName } from '../../config/setting.js';
import { allEntries, type CommandEntry, type FlagEntry } from './entries.js';
import { bold, example, heading, italic, item, prose, seeAlso } from './roff.js';

const EXIT_CODES = { 0: 'Success.', 1: 'Error.', 2: 'Usage error, or a mistake in the settings.' };
const SETTINGS_PAGE = 'ctflow.yaml';
/** Flags that all commands with the settings of a run have. */
const RUN_FLAGS = new Set(inOrder(runSettings).map(([key, about]) => flagName(key, about)));

/**
 * The manual for man(1), made of the same commands and settings as the help.
 * @returns the text of each page by the name of its file, `ctflow-run.1`
 */
export function manPages(program: CommandEntry): ReadonlyMap<string, string> {
  // a command of two words stands on the page of the first
  const pages = [program, ...program.subcommands];
  const all = [...pages.map(page => `${titleOf(page)}(1)`), `${SETTINGS_PAGE}(5)`];
  return new Map([
    ...pages.map((page): [string, string] => [`${titleOf(page)}.1`, commandPage(page, all)]),
    [`${SETTINGS_PAGE}.5`, settingsPage()],
  ]);
}

function commandPage(page: CommandEntry, all: readonly string[]): string {
  const title = titleOf(page);
  const commands = page.path.length === 0 ? [page] : allEntries(page);
  const withAction = commands.filter(({ subcommands, args }) => subcommands.length === 0 || args.length > 0);
  const hasFile = commands.some(({ flags }) => flags.some(({ name }) => name === '--config'));
  return pageOf(title, 1, page.description, [
    '.SH SYNOPSIS',
    ...(page.path.length > 0 ? withAction.flatMap(synopsis) : [`${bold('ctflow')} ${italic('command [options]')}`]),
    '.SH DESCRIPTION',
    ...prose(`${sentence(page.description)}\n\n${page.prose}`),
    ...(page.path.length > 0
      ? withAction.flatMap(command => options(command, commands.length > 1))
      : [...listOfCommands(page), ...options(page, false)]),
    ...examples([...new Set(commands.flatMap(command => command.examples))]),
    '.SH EXIT STATUS',
    ...Object.entries(EXIT_CODES).flatMap(([code, meaning]) => item(bold(code), meaning)),
    ...(hasFile ? ['.SH FILES', ...item(italic(DEFAULT_FILE), `Settings; see ${SETTINGS_PAGE}(5).`)] : []),
    ...seeAlso(all.filter(name => name !== `${title}(1)`)),
  ]);
}

function settingsPage(): string {
  const groups = GROUPS.flatMap(group => [
    heading('.SS', group || 'Destinations'),
    ...inOrder(runSettings)
      .filter(([, about]) => about.group === group)
      .flatMap(([key, about]) => {
        const { text, kind, fallback } = about;
        const standard = fallback === undefined ? '' : ` Default: ${shown(about)}.`;
        const elsewhere = `Flag ${flagName(key, about)}, variable ${variableName(key, about)}.`;
        const term = bold(key) + (Object.hasOwn(ownSettings, key) ? ' *' : '');
        return item(term, `${ended(text)} Values: ${kind.allowed}.${standard} ${elsewhere}`);
      }),
  ]);
  return pageOf(SETTINGS_PAGE, 5, 'settings of ctflow run', [
    '.SH SYNOPSIS',
    italic(DEFAULT_FILE),
    '.SH DESCRIPTION',
    ...prose(`A file in YAML. Flags and variables go before it.

Under \`destinations\` stand any number of collectors, by name, each with its \`flowCollectorAddr\`. Keys with a * may stand
there, too, for one of them alone; what a destination leaves out is what stands at the top.

\`ctflow config example\` prints a file with every key, \`ctflow config check\` names every mistake in one.`),
    ...examples(['destinations:', '  main:', '    flowCollectorAddr: udp://192.0.2.10:4739', 'flowPollInterval: 5s']),
    '.SH SETTINGS',
    ...groups,
    ...seeAlso(['ctflow(1)', 'ctflow-run(1)', 'ctflow-config(1)']),
  ]);
}

/** Without a date: the same sources give the same page. */
function pageOf(title: string, section: number, description: string, lines: readonly string[]): string {
  const head = `${heading('.TH', title.toUpperCase())} ${section} "" "ctflow ${VERSION}" "ctflow"`;
  const [name] = prose(`${title} - ${description}`).slice(1);
  return `${[head, '.SH NAME', name, ...lines].join('\n')}\n`;
}

function listOfCommands({ subcommands }: CommandEntry): string[] {
  return ['.SH COMMANDS', ...subcommands.flatMap(one => item(`${bold(titleOf(one))}(1)`, sentence(one.description)))];
}

function synopsis({ path, args }: CommandEntry): string[] {
  const words = ['[options]', ...args.map(({ form }) => form)].join(' ');
  return [`${bold(['ctflow', ...path].join(' '))} ${italic(words)}`, '.br'];
}

/** The arguments and flags of a command. @param several whether the page has those of others, too */
function options({ path, args, flags }: CommandEntry, several: boolean): string[] {
  const lines = [heading('.SH', several ? `OPTIONS OF ${path.join(' ').toUpperCase()}` : 'OPTIONS')];
  for (const { form, text } of args) lines.push(...item(italic(form), ended(text)));
  const borrows = path[0] !== 'run' && [...RUN_FLAGS].every(flag => flags.some(({ name }) => name === flag));
  let last = '';
  for (const flag of flags) {
    const { name, short, form, group } = flag;
    if (name === '--help' || (borrows && RUN_FLAGS.has(name))) continue;
    if (group !== last) lines.push(heading('.SS', group));
    last = group;
    const term = [short, name].filter(word => word !== undefined).map(bold);
    lines.push(...item(`${term.join(', ')} ${italic(form)}`.trimEnd(), meaning(flag)));
  }
  if (borrows) lines.push(...prose('Beside these it has all flags of ctflow-run(1).'));
  return lines;
}

function meaning({ text, choices, fallback, variable, form }: FlagEntry): string {
  return [
    ended(text),
    ...(choices.length > 0 && !form.includes('|') ? [`One of: ${choices.join(', ')}.`] : []),
    ...(fallback === undefined ? [] : [`Default: ${fallback}.`]),
    ...(variable === undefined ? [] : [`Variable: ${variable}.`]),
  ].join(' ');
}

function examples(lines: readonly string[]): string[] {
  return lines.length > 0 ? ['.SH EXAMPLES', ...example(lines)] : [];
}

function titleOf({ path }: CommandEntry): string {
  return ['ctflow', ...path].join('-');
}

function sentence(text: string): string {
  return ended(text[0].toUpperCase() + text.slice(1));
}

function ended(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
