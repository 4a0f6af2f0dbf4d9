import { z } from 'zod';
import { configSchema, NAME } from './run-settings.js';
import { about, isSetting } from './setting.js';

/** The JSON Schema of the configuration file, for editors. */
export function jsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(configSchema, {
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      if (jsonSchema.propertyNames) jsonSchema.propertyNames = { type: 'string', pattern: NAME.source };
      if (!isSetting(zodSchema)) return;
      const { kind, text, fallback } = about(zodSchema);
      Object.assign(jsonSchema, kind.json, {
        description: text,
        ...(fallback !== undefined && { default: kind.write(fallback) }),
      });
    },
  });
  return { title: 'ctflow', description: 'Settings of `ctflow run`', ...schema };
}
