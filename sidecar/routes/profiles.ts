/** GET and PATCH /v1/profiles/{user}. */
import type { FastifyInstance } from 'fastify';
import { compactText, type Json, parseJson } from '../../common/core/json.js';
import type { DocState } from '../../common/core/state.js';
import { Unread } from '../../common/replica/replica.js';
import type { Context } from '../context.js';
import { ApiError } from '../errors.js';
import { PROFILES, patched, profileOf } from '../profile.js';
import { documentOf, UserParams } from '../schemas.js';

export async function profileRoutes(root: FastifyInstance, context: Context): Promise<void> {
  const { books, config } = context;
  const missing = (document: string): Error =>
    books.replica.hasFile(document) ? new Unread(document) : new ApiError('not_found', 'there is no such profile');
  await root.register(async (app) => {
    // Read by our own reader: numbers stay as they are spelled, keys in their order.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser(
      ['application/json', 'application/merge-patch+json'],
      { parseAs: 'string' },
      (_request, text, done) => {
        const value = parseJson(text as string);
        if (value === undefined) done(new ApiError('bad_request', 'the body is not valid JSON'));
        else done(null, value);
      },
    );

    app.get<{ Params: UserParams }>(
      '/v1/profiles/:user',
      { schema: { summary: 'A profile', params: UserParams } },
      async (request, reply) => {
        const { user } = request.params;
        context.allow(request, 'profiles', user);
        const document = documentOf(PROFILES, user);
        const row = await books.read(document);
        const profile = row && profileOf(books.replica, document, JSON.parse(row.state) as DocState);
        if (profile === undefined) throw missing(document);
        return reply.type('application/json; charset=utf-8').send(answer(user, profile));
      },
    );

    app.patch<{ Params: UserParams; Body: Json }>(
      '/v1/profiles/:user',
      {
        schema: {
          summary: 'Changes a profile by JSON merge patch (RFC 7396)',
          description: '413 where it would grow larger than a file may be, or what pages can write larger than 64 KiB.',
          params: UserParams,
        },
      },
      async (request, reply) => {
        const { user } = request.params;
        const caller = context.allow(request, 'profiles', user);
        const patch = request.body;
        if (patch?.kind !== 'object') throw new ApiError('bad_request', 'the patch must be a JSON object');
        if (caller.kind !== 'service')
          for (const key of patch.entries.keys())
            if (!config.profile_fields.includes(key))
              throw new ApiError('forbidden', `users may not write ${JSON.stringify(key.slice(0, 64))}`);
        const document = documentOf(PROFILES, user);
        let profile: Json | undefined;
        await books.edit(document, (state) => {
          // A page must not mint users: only the site's own code makes a profile that is not there.
          if (caller.kind !== 'service' && profileOf(books.replica, document, state) === undefined)
            throw missing(document);
          const after = patched(books.replica, document, state, patch, config.profile_fields);
          profile = profileOf(books.replica, document, after);
          return after;
        });
        if (profile === undefined) throw new ApiError('bad_request', 'nothing would be left of this profile');
        return reply.type('application/json; charset=utf-8').send(answer(user, profile));
      },
    );
  });
}

function answer(user: string, profile: Json): string {
  return `{"user":${JSON.stringify(user)},"profile":${compactText(profile)}}`;
}
