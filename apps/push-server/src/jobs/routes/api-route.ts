import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RouteAccess } from '../../http/routes.ts';
import type { Schema } from './job-schemas.ts';

/** A parameter in path or header. */
export interface ApiParameter {
  readonly name: string;
  readonly in: 'path' | 'header';
  readonly required: boolean;
  readonly schema: Schema;
  readonly description: string;
}

/** What an answer is. */
export interface ApiResponse {
  readonly description: string;
  readonly contentType?: string | undefined;
  /** Name of one of the schemas, or a schema. */
  readonly schema?: string | Schema | undefined;
}

/** One operation: what is documented and what is done stand together. */
export interface ApiRoute {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'DELETE';
  /** OpenAPI's form: `/slipway/v1/jobs/{id}`. */
  readonly path: string;
  readonly operation: string;
  readonly summary: string;
  readonly description?: string | undefined;
  readonly access: RouteAccess;
  /** Whether nothing can be done without the data folder. @default false */
  readonly needsFolder?: boolean | undefined;
  readonly parameters?: readonly ApiParameter[] | undefined;
  readonly query?: Schema | undefined;
  readonly body?:
    | { readonly contentTypes: readonly string[]; readonly schema: string | Schema; readonly isOptional?: true }
    | undefined;
  /** Statuses that this operation may be refused with, beside those of rights and of a daemon that has no time. */
  readonly failures?: readonly number[] | undefined;
  readonly responses: Readonly<Record<number, ApiResponse>>;
  handle(request: FastifyRequest, reply: FastifyReply): Promise<unknown>;
}
