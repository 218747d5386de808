/** The same object, some of its methods replaced. */
export function overlaid<T extends object>(base: T, methods: Partial<T>): T {
  return new Proxy(base, {
    get(target, name) {
      if (Object.hasOwn(methods, name)) return Reflect.get(methods, name);
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}
