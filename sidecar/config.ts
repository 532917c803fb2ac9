/** The `sidecar:` section of a config, as the sidecar sees it. */
import type { HubConfig } from '../common/runtime/config.js';

export type SidecarConfig = NonNullable<HubConfig['sidecar']>;
