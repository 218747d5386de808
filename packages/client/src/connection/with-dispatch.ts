import { aFunction, anObject, assertArgument } from '@slipway/arguments';
import type { DispatcherFactory } from '@slipway/registry-client';

type Dispatcher = ReturnType<DispatcherFactory>;

/** The same dispatcher, but for how a request goes through it. */
export function withDispatch(dispatcher: Dispatcher, dispatch: Dispatcher['dispatch']): Dispatcher {
  assertArgument('dispatcher', dispatcher, anObject);
  assertArgument('dispatch', dispatch, aFunction);
  // Not by `compose`: what that makes cannot be closed where the dispatcher has private members.
  return new Proxy(dispatcher, {
    get(target, name) {
      if (name === 'dispatch') return dispatch;
      const member: unknown = Reflect.get(target, name, target);
      return name === 'close' || name === 'destroy' ? (member as () => unknown).bind(target) : member;
    },
  });
}
