/**
 * The type of records with fields added: those of `B` replace those of `A` that have the same name. What may be
 * absent in `B` replaces it or not. Records that are not objects are not among them.
 */
export type Enriched<A, B> = unknown extends A
  ? Joined<{ [key: string]: A }, B>
  : A extends object
    ? B extends object
      ? Joined<A, B>
      : never
    : never;

type Joined<A, B> = Flat<
  {
    [K in keyof A as K extends Always<B> ? never : K]: K extends NamedKeys<B>
      ? A[K] | Exclude<B[K], undefined>
      : A[K];
  } & { [K in keyof B as K extends NamedKeys<A> ? (K extends Always<B> ? K : never) : K]: B[K] }
>;

/** The keys that no object of a type lacks. */
type Always<T> = { [K in NamedKeys<T>]: undefined extends T[K] ? never : K }[NamedKeys<T>];

/** As editors show it best. */
type Flat<T> = { [K in keyof T]: T[K] };

/** The keys of a type without its index signatures. */
type NamedKeys<T> = keyof {
  [
    K in keyof T as string extends K
      ? never
      : number extends K
        ? never
        : symbol extends K
          ? never
          : K
  ]: T[K];
};

/** What a function without a schema adds; where it may return nothing, each field may be absent. */
export type FieldsOf<T> = [Extract<T, undefined | void>] extends [never]
  ? T
  : Partial<Exclude<T, undefined | void>>;
