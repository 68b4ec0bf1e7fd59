# Captures a virtual machine from an Azure Automation runbook; a restarted job goes on with what it began.
# $Job is a name of the caller's choice that stays the same when the job is restarted.
param(
    [Parameter(Mandatory)] [string] $Case,
    [Parameter(Mandatory)] [string] $Subscription,
    [Parameter(Mandatory)] [string] $ResourceGroup,
    [Parameter(Mandatory)] [string] $Vm,
    [Parameter(Mandatory)] [string] $Examiner,
    [Parameter(Mandatory)] [string] $Authority,
    [Parameter(Mandatory)] [string] $Job,
    [string] $Custody = 'custody',
    [string] $Config = $(if ($env:CUSTODY_CONFIG) { $env:CUSTODY_CONFIG } else { '/etc/custody/custody.toml' }),
    [string] $State = '/var/lib/custody'
)
$ErrorActionPreference = 'Stop'

$acquisition = $null
if (Test-Path -LiteralPath $State) {
    $listed = & $Custody list --json --state $State
    if ($LASTEXITCODE -ne 0) { throw "the acquisitions of this host cannot be told: exit $LASTEXITCODE" }
    $mine = @(($listed | ConvertFrom-Json).acquisitions | Where-Object { $_.description -ceq "job $Job" -and $_.case -ceq $Case })
    if ($mine.Count -gt 1) { throw "job $Job began several acquisitions of case $Case; go on with them by hand" }
    if ($mine.Count -eq 1) { $acquisition = $mine[0].acquisition }
}
if ($acquisition) {
    Write-Output "job $Job was restarted: going on with $acquisition"
    & $Custody resume $acquisition --json --state $State
} else {
    & $Custody capture azure --config $Config --subscription $Subscription --resource-group $ResourceGroup --vm $Vm `
        --case $Case --examiner $Examiner --authority $Authority --description "job $Job" --json --state $State
}
$exit = $LASTEXITCODE
if ($exit -ne 0) { throw "custody ended with exit ${exit}: 1 not proven, 2 not understood, 3 not complete, 4 integrity failure" }
