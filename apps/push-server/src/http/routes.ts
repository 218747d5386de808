import type { FastifyInstance } from 'fastify';
import type { Principal } from '../security/principal.ts';
import type { Action } from '../security/scope.ts';

/**
 * What a route demands before it is reached: nothing, or the right to do this. `handler` means that somebody known is
 * enough here, and that the route itself asks for more once it knows what about.
 */
export type RouteAccess =
  | 'open'
  | 'handler'
  | Extract<Action, { readonly kind: 'read' | 'all' | 'load' | 'save' | 'admin' }>['kind'];

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Every route has to say. */
    readonly access?: RouteAccess;
    /** Whether nothing can be done without the data folder. @default false */
    readonly needsFolder?: boolean | undefined;
  }
  interface FastifyRequest {
    principal: Principal;
    apiVersion: string;
  }
}

/** Adds routes to the app, with what they need. Each route names its access: `{ config: { access: 'read' } }`. */
export type RegisterRoutes<Needs = unknown> = (app: FastifyInstance, needs: Needs) => void;
