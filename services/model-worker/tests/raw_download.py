"""The layout of the CDC's download of The Tax Burden on Tobacco, with the figures that ship."""

import csv
import io
from pathlib import Path

from small_study import REPOSITORY

HEADER = (
    "LocationAbbr,LocationDesc,Year,Datasource,TopicDesc,MeasureDesc,SubMeasureDesc,Data_Value,Data_Value_Unit,"
    "Data_Value_Type,GeoLocation,Source,TopicTypeId,TopicId,MeasureId,SubMeasureID,SubMeasureIdDisplayOrder"
)
# As published, with the spaces at the end.
MEASURES = {
    "packs_per_capita": "Cigarette Consumption (Pack Sales Per Capita)",
    "state_tax_usd": "State Tax per pack ",
}


def write_raw(path: Path) -> list[dict[str, str]]:
    """Write the shipped figures of cigarette sales in that layout; give the shipped rows."""
    with (REPOSITORY / "studies/cigarette-sales/cigarette-sales.csv").open(newline="") as file:
        shipped = list(csv.DictReader(file))
    text = io.StringIO(newline="")
    raw = csv.writer(text, lineterminator="\n")
    raw.writerow(HEADER.split(","))
    for row in shipped:
        for column, measure in MEASURES.items():
            raw.writerow(_raw(row["state"], row["state_name"], row["year"], measure, row[column]))
        # The download has six measures; prices are no part of the shipped study, so these are made up.
        price = f"{1 + float(row['state_tax_usd']) + 0.01 * (int(row['year']) % 7):.3f}"
        raw.writerow(_raw(row["state"], row["state_name"], row["year"], "Average Cost per pack ", price))
    raw.writerow(_raw("US", "National", "2019", "State Tax per pack ", "1.8"))
    path.write_text(text.getvalue())
    return shipped


def _raw(state: str, name: str, year: str, measure: str, value: str) -> list[str]:
    described = ["OW", "The Tax Burden on Tobacco", "Cigarette Sales", measure, value, "$", "Dollars"]
    place = ["(32.8, -86.6)", "Table 7- Orzechowski and Walker, Tax Burden on Tobacco"]
    return [state, name, year, *described, *place, "POL", "450POL", "450CGS", "451CGS", "6"]
