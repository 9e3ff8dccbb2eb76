"""Names of the presets."""

preset_names = (
    "e-commerce",
    "saas",
    "media",
    "healthcare",
    "professional-services",
    "channel-partners",
    "employees",
)
