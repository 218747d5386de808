/** Why a decision was made, as a plan tells it. */
export type DecisionReason =
  /** This push has sent it, or seen it there. */
  | 'delivered'
  /** An earlier push recorded it, and the registry confirms it. */
  | 'recorded'
  /** A manifest in the repository names it for this layer. */
  | 'learnt'
  /** Another repository of the registry is recorded to have it. */
  | 'recorded elsewhere'
  /** The manifest names where a client finds it. */
  | 'foreign'
  /** Nothing says that the registry has it. */
  | 'not known'
  /** The user asked for it, or the registry said that it has what it lacks. */
  | 'forced';
