// A module of its own: loaded whole, the package would bring its test tools along.
export { startRegistry } from '@slipway/testkit';
