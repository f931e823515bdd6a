import { type CompletedOption, type Place, valuedOptions } from './places.ts';

/** The script that completes `leat` in fish, for `source` or a file in `completions`. */
export function fishCompletion(places: readonly Place[]): string {
  const paths = places.filter(({ path }) => path !== '').map(({ path }) => quoted(path));
  const valued = valuedOptions(places).map(({ flag }) => flag);
  return `# Completion of leat for fish: leat completion fish | source
function __leat_at --description 'Whether these words have been typed, beside options'
  set -l place ''
  set -l is_value no
  for word in (commandline -opc)[2..-1]
    if test $is_value = yes
      set is_value no
      continue
    end
    switch $word
      case ${valued.join(' ')}
        set is_value yes
      case '-*'
      case '*'
        set -l longer (string trim -- "$place $word")
        if contains -- $longer ${paths.join(' ')}
          set place $longer
        end
    end
  end
  test "$place" = "$argv[1]"
end
complete -c leat -e
${places.flatMap(linesOf).join('\n')}
`;
}

function linesOf({ path, words, options }: Place): string[] {
  const at = `complete -c leat -n ${quoted(`__leat_at "${path}"`)}`;
  return [
    ...words.map(([name, meaning]) => `${at} -f -a ${name} -d ${quoted(meaning)}`),
    ...options.map((option) => `${at} ${optionOf(option)}`),
  ];
}

function optionOf({ flag, isValued, choices, meaning }: CompletedOption): string {
  const value = choices.length > 0 ? ` -x -a ${quoted(choices.join(' '))}` : isValued ? ' -r' : '';
  return `-l ${flag.slice(2)}${value} -d ${quoted(meaning)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", String.raw`\'`)}'`;
}
