/** As they are when Leat is loaded: the user's code may put other functions in their place later. */
const { parse, stringify } = JSON;

/**
 * `JSON.parse`, whatever the user's code has made of that.
 *
 * @throws SyntaxError
 */
export const parseJson: (text: string) => unknown = parse;

/** `JSON.stringify`, whatever the user's code has made of that. */
export const stringifyJson: (value: unknown) => string = stringify;
