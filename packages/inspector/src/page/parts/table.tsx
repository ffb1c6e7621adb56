import type { ComponentChildren } from "preact";
import { ScrollBox } from "./scroll-box.js";

export interface Column<Row> {
  readonly name: string;
  /** Numbers stand at the right, in digits of one width. */
  readonly number?: boolean;
  /** Names the row: its cell is a heading of it. */
  readonly heading?: boolean;
  readonly cell: (row: Row) => ComponentChildren;
}

interface TableProps<Row> {
  /** Read out before it; not shown. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** A row that is chosen. */
  readonly isChosen?: (row: Row) => boolean;
  /** What is not shown, in words, where there is more. */
  readonly more?: string | undefined;
}

/** A table that scrolls within its own box, and is a list of cards where the window is narrow. */
export function Table<Row>({ caption, columns, rows, keyOf, isChosen, more }: TableProps<Row>) {
  return (
    <ScrollBox class="table-box" name={caption}>
      <table class="rows">
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ name, number }) => (
              <th key={name} scope="col" class={number === true ? "number" : ""}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)} class={isChosen?.(row) === true ? "chosen" : ""}>
              {columns.map(({ name, number, heading, cell }) =>
                heading === true ? (
                  <th key={name} scope="row" data-name={name}>
                    {cell(row)}
                  </th>
                ) : (
                  <td key={name} data-name={name} class={number === true ? "number" : ""}>
                    {cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {more !== undefined && <p class="table-more">{more}</p>}
    </ScrollBox>
  );
}
