@echo off
rem The same as sandbox.sh, on Windows. What comes from outside loses its quotation marks, stands between two, and is dropped if it
rem is no number.
setlocal EnableExtensions DisableDelayedExpansion
set "engine=%~1"
set "code=%~2"

set "memory=-"
set "period=-"
for /f "usebackq tokens=1,2 delims=<>." %%A in ("init_data.xml") do (
    if "%%A"=="rsc_memory_bound" set "memory=%%B"
    if "%%A"=="checkpoint_period" set "period=%%B"
)
set "memory=%memory:"=%"
set "period=%period:"=%"
for /f "tokens=1,2 delims=0123456789" %%X in ("x%memory%") do if not "%%X%%Y"=="x" set "memory="
for /f "tokens=1,2 delims=0123456789" %%X in ("x%period%") do if not "%%X%%Y"=="x" set "period="
if not defined memory echo pyboinc: init_data.xml has no limit of memory>&2& exit /b 1
call :unlink
if defined period > job\checkpoint_period echo %period%
if not exist job\checkpoint type nul > job\checkpoint

set "left=100"
:run
if exist job\temporary_exit del /q job\temporary_exit
"%engine%" @OPTIONS@ -W max-memory-size=%memory% --dir job::/ "%code%"
set "status=%errorlevel%"
call :unlink
if not "%status%"=="0" exit /b %status%
if not exist job\temporary_exit exit /b 0
set /a left-=1
if %left%==0 echo pyboinc: the slave has made 100 temporary exits>&2& exit /b 1
set "seconds="
for /f "usebackq tokens=1" %%A in ("job\temporary_exit") do if not defined seconds set "seconds=%%A"
set "seconds=%seconds:"=%"
for /f "tokens=1,2 delims=0123456789" %%X in ("x%seconds%") do if not "%%X%%Y"=="x" set "seconds=60"
set /a seconds+=1
ping -n %seconds% 127.0.0.1 > nul
goto :run

:unlink
for /f "delims=" %%L in ('dir /s /b /al job 2^> nul') do (
    del /q /f "%%L" 2> nul
    rmdir "%%L" 2> nul
)
exit /b
