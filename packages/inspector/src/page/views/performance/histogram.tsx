import type { RatePoint } from "../../../feed/types.js";
import { bucketsOf } from "../../model/buckets.js";
import { formatNumber } from "../../parts/format.js";
import { Empty } from "../../parts/panel.js";

/** A row for each bucket: its bar is in proportion, its number stands beside it. */
export function Histogram({ points, bounds }: { readonly points: readonly RatePoint[]; readonly bounds: readonly number[] }) {
  const buckets = bucketsOf(points, bounds);
  if (buckets.length === 0) return <Empty title="No request was answered">The distribution of how long they took is shown here.</Empty>;
  const most = Math.max(...buckets.map(({ count }) => count));
  return (
    <table class="histogram">
      <caption class="unseen">How long requests took</caption>
      <thead class="unseen">
        <tr>
          <th scope="col">Took</th>
          <th scope="col">Share</th>
          <th scope="col">Requests</th>
        </tr>
      </thead>
      <tbody>
        {buckets.map(({ name, count }) => (
          <tr key={name}>
            <th scope="row" class="number">
              {name}
            </th>
            <td>
              <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                <rect width={(count / most) * 100} height="10" rx="1" />
              </svg>
            </td>
            <td class="number">{formatNumber(count)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
