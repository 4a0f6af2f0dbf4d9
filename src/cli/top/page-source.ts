import type { SnatPorts } from '../../config/snat-ports.js';
import type { TopPage } from '../../daemon/top/page.js';
import type { TopQuery } from '../../daemon/top/query.js';
import type { SourceSettings } from '../open-source.js';

/** The flags that say where connections come from, and what is known beside them. */
export interface TopSource extends SourceSettings {
  readonly control?: string;
  readonly snatPorts?: readonly SnatPorts[];
}

/** Where a screen has its connections from. */
export interface PageSource {
  /** For the title of the screen. */
  readonly origin: string;
  /** @throws CtflowError what is wrong with the query, or why there is no answer; another one may be asked for */
  page(query: TopQuery): Promise<TopPage>;
  /** The last warning that is still worth a line. */
  readonly warning?: string | undefined;
  close(): Promise<void>;
}
